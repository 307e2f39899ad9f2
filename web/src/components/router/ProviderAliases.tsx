import { type FormEvent, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { useQuery } from "urql";
import { graphql } from "../../gql";
import { OF_NAMES, spoken, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { useProviders } from "../../hooks/useProviders";
import { ProviderInput } from "../ProviderInput";

const ALIASES = graphql(`query Aliases { providerAliases { id alias provider } }`);

/** The user's provider aliases. */
export function ProviderAliases() {
  const { registerProviderAlias, deleteProviderAlias } = useEnterpriseRouter();
  const [found] = useQuery({ query: ALIASES, context: OF_NAMES });
  const { meant } = useProviders();
  const [alias, setAlias] = useState("");
  const [provider, setProvider] = useState("");
  const [message, setMessage] = useState<{ text: string; field?: "alias" | "provider" | "list" }>();
  const fields = { alias: useRef<HTMLInputElement>(null), provider: useRef<HTMLInputElement>(null) };
  const problem = (field: "alias" | "provider" | "list") => (message?.field === field ? message.text : undefined);
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const outcome = await registerProviderAlias(alias.trim(), provider.trim());
    if (outcome.problem !== undefined) {
      const field = outcome.path?.includes("provider") ? "provider" : "alias";
      setMessage({ text: outcome.problem, field });
      return fields[field].current?.focus();
    }
    setMessage({ text: `Added ${outcome.row.alias}` });
    setAlias("");
    setProvider("");
    fields.alias.current?.focus();
  };
  const remove = async (id: string, name: string) => {
    const outcome = await deleteProviderAlias(id);
    setMessage(outcome.problem === undefined ? { text: `Deleted ${name}` } : { text: outcome.problem, field: "list" });
    if (outcome.problem === undefined) fields.alias.current?.focus(); // the focused button is removed
  };
  return (
    <div className="card full">
      <div className="head">
        <h3>Provider aliases</h3>
        <span role="status" className="saved">
          {message && message.field === undefined && message.text}
        </span>
      </div>
      <p className="hint">An alias is a name that your applications use for a provider. Calls logged under an alias count for its provider.</p>
      {found.error && <p role="alert">{spoken(found.error)}</p>}
      <ul className="aliases" aria-label="Provider aliases">
        {found.data?.providerAliases.map((each) => (
          <li key={each.id}>
            <span>
              <strong>{each.alias}</strong> is {named(each.provider, meant(each.provider)?.name)}
            </span>
            <Button aria-label={`Delete ${each.alias}`} onPress={() => remove(each.id, each.alias)}>
              Delete
            </Button>
          </li>
        ))}
      </ul>
      {problem("list") && <p role="alert">{problem("list")}</p>}
      <form onSubmit={add} className="add">
        <div className="field">
          <label>
            Alias
            <input
              ref={fields.alias}
              value={alias}
              onChange={(event) => setAlias(event.target.value)}
              required
              maxLength={200}
              placeholder="gpu-box"
              aria-invalid={problem("alias") !== undefined}
              aria-describedby="alias-problem"
            />
          </label>
          <p id="alias-problem" role="alert">
            {problem("alias")}
          </p>
        </div>
        <ProviderInput
          ref={fields.provider}
          label="Provider of the alias"
          value={provider}
          onChange={setProvider}
          required
          placeholder="vllm"
          problem={problem("provider")}
        />
        <button type="submit">Add alias</button>
      </form>
    </div>
  );
}

/** `Azure OpenAI (azure)`; the id alone where it is all there is. */
function named(id: string, name: string | undefined): string {
  return name === undefined || name === id ? id : `${name} (${id})`;
}
