import { type ReactNode, type Ref, useId, useState } from "react";
import { calls } from "../format";
import { spelt, useProviders } from "../hooks/useProviders";

/** The vendors of domain/providers.toml, which blocks can name. They are read at build time. */
declare const VENDORS: { id: string; name: string }[];

interface Props {
  label: ReactNode;
  /** The name of the field in its form. */
  name?: string;
  value: string;
  onChange: (value: string) => void;
  placeholder?: string;
  required?: boolean;
  /** Whether groups such as `vendor:anthropic` are allowed. */
  groups?: boolean;
  /** The problem that the server reported for this field. */
  problem?: string | undefined;
  ref?: Ref<HTMLInputElement>;
}

/** A field for a provider under any of its names. It suggests known names and shows which provider a name stands for. */
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
