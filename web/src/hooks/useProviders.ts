import { useMemo } from "react";
import { useQuery } from "urql";
import { graphql } from "../gql";
import type { ProvidersQuery } from "../gql/graphql";
import { OF_NAMES } from "./useEnterpriseRouter";

const PROVIDERS = graphql(`query Providers { providers { id name aliases calls } }`);

export type KnownProvider = ProvidersQuery["providers"][number];

/** The known providers, the most called first, and `meant`, which returns the provider that a name stands for. */
export function useProviders() {
  const [{ data }] = useQuery({ query: PROVIDERS, context: OF_NAMES });
  return useMemo(() => {
    const providers = data?.providers ?? [];
    const named = new Map<string, KnownProvider>();
    for (const each of providers) for (const name of [each.id, each.name, ...each.aliases]) named.set(spelt(name), each);
    return { providers, meant: (name: string): KnownProvider | undefined => named.get(spelt(name)) };
  }, [data]);
}

/** A provider name without case and separators: equal for two spellings of one name. */
export function spelt(name: string): string {
  return name.normalize("NFKC").toLowerCase().replace(/[^\p{L}\p{N}\p{M}]/gu, "");
}
