import { type ReactNode, type Ref, useId, useState } from "react";
import { calls } from "../format";
import { spelt, useProviders } from "../hooks/useProviders";

/** Who makes models, as blocks may name them: the vendors of domain/providers.toml, read when the pages are built. */
declare const VENDORS: { id: string; name: string }[];

interface Props {
  label: ReactNode;
  /** Of the field in its form. */
  name?: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  required?: boolean;
  /** Whether it may be a group such as `vendor:anthropic`. */
  groups?: boolean;
  /** What the server said is wrong with it. */
  problem?: string | undefined;
  ref?: Ref<HTMLInputElement>;
}

/** A field for a provider, under any of its names: it suggests those that are known, and says which provider is meant. */
export function ProviderInput({ label, value, onChange, groups = false, problem, ...input }: Props) {
  const { providers, meant } = useProviders();
  const [opened, setOpened] = useState(false);
  const id = useId();
  const provider = meant(value);
  return (
    <div className="field">
      <label>
        {label}
        <input
          {...input}
          list={`${id}names`}
          value={value}
          onChange={(event) => onChange(event.target.value)}
          onFocus={() => setOpened(true)}
          aria-describedby={`${id}meant ${id}problem`}
          aria-invalid={problem !== undefined}
        />
      </label>
      <datalist id={`${id}names`}>
        {opened && (
          <>
            {providers.map((each) => (
              <option key={each.id} value={each.id} label={each.calls > 0 ? `${each.name}, ${calls(each.calls)}` : each.name} />
            ))}
            {groups &&
              VENDORS.map((each) => <option key={each.id} value={`vendor:${each.id}`} label={`All models that ${each.name} makes`} />)}
            {providers.flatMap((each) =>
              each.aliases.map((alias) => <option key={`${each.id} ${alias}`} value={alias} label={`${each.name} (${each.id})`} />),
            )}
          </>
        )}
      </datalist>
      <p id={`${id}meant`} className="hint" role="status">
        {provider && spelt(value) !== spelt(provider.id) && `${value.trim()} is ${provider.name} (${provider.id})`}
      </p>
      <p id={`${id}problem`} role="alert">
        {problem}
      </p>
    </div>
  );
}
