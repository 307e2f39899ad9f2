import { type FormEvent, useRef, useState } from "react";
import {
  Button,
  GridList,
  GridListItem,
  Label,
  Radio,
  RadioGroup,
  useDragAndDrop,
} from "react-aria-components";
import { useClient } from "urql";
import { dollars, milliseconds, words } from "../../format";
import { graphql } from "../../gql";
import type { RoutingPriority, SavePreferencesInput, SimulateQuery } from "../../gql/graphql";
import { type Outcome, type Preferences, spoken, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { spelt, useProviders } from "../../hooks/useProviders";
import { FormDialog } from "../FormDialog";
import { ProviderInput } from "../ProviderInput";
import { ProviderAliases } from "./ProviderAliases";

const PRIORITIES: RoutingPriority[] = ["SPEED", "COST", "QUALITY", "PRIVACY"];
const SIMULATE = graphql(`
  query Simulate($input: RouteRequestInput!) {
    simulateRouting(input: $input) {
      provider model estimatedCost expectedLatencyMs rules notes
      refusal { message }
      candidates { provider model eligible reason }
    }
  }
`);
type Rule = Preferences["customRules"][number];
const NEW_RULE: Rule = {
  name: "",
  abTestId: null,
  when: {
    taskType: null,
    priority: null,
    inputTokensAbove: null,
    inputTokensBelow: null,
    maxOutputTokensAbove: null,
    maxOutputTokensBelow: null,
    metadata: [],
    hours: null,
    weekdays: [],
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  },
  then: { use: null, prefer: [], block: [], maxCost: null, priority: null },
};
/** Saves a change to the preferences. `change` gets the preferences as earlier saves left them. */
type Save = (change: (now: Preferences) => SavePreferencesInput, shownAt?: "here" | "at the field") => Promise<Outcome<unknown>>;

/** The routing preferences. Each change is saved at once and can be undone. */
export function RouterPreferences() {
  const { preferences, savePreferences, loading, error } = useEnterpriseRouter();
  const [state, setState] = useState<{ text: string; problem?: boolean }>();
  const undone = useRef<SavePreferencesInput[]>([]);
  const [undoable, setUndoable] = useState(0);
  const latest = useRef(preferences);
  const queue = useRef<Promise<unknown>>(Promise.resolve());
  if (preferences && (preferences.updatedAt ?? "") >= (latest.current?.updatedAt ?? "")) latest.current = preferences;

  if (preferences === undefined) {
    return error ? <p role="alert">The preferences could not be loaded.</p> : loading ? <p role="status">Loading…</p> : null;
  }
  /** Saves run one after the other, each on the result of the one before: a quick second change must not undo the first. */
  const enqueue = (change: (now: Preferences) => SavePreferencesInput | undefined, shownAt = "here", undoing = false) => {
    const saved = queue.current.then(async (): Promise<Outcome<unknown>> => {
      const now = latest.current ?? preferences;
      const input = change(now);
      if (input === undefined) return { row: now };
      setState({ text: "Saving…" });
      const outcome = await savePreferences(input);
      if (outcome.problem !== undefined) {
        if (undoing) undone.current.push(input);
        setState({ text: shownAt === "here" ? `Not saved. ${outcome.problem}` : "Not saved.", problem: true });
      } else {
        latest.current = outcome.row;
        const before = asInput(now);
        const changed = Object.keys(input) as (keyof SavePreferencesInput)[];
        if (!undoing) undone.current.push(Object.fromEntries(changed.map((name) => [name, before[name]])));
        setState({ text: "Saved" });
      }
      setUndoable(undone.current.length);
      return outcome;
    });
    queue.current = saved;
    return saved;
  };
  const save: Save = (change, shownAt) => enqueue(change, shownAt);
  const undo = () => void enqueue(() => undone.current.pop(), "here", true);
  return (
    <section aria-labelledby="preferences-title">
      <div className="head">
        <h2 id="preferences-title">Routing preferences</h2>
        <span role="status" className={state?.problem ? "problem" : "saved"}>
          {state?.text}
        </span>
        <Button onPress={undo} isDisabled={undoable === 0}>
          Undo
        </Button>
      </div>
      <div className="grid">
        <RadioGroup
          className="card priorities"
          value={preferences.defaultPriority}
          onChange={(value) => save(() => ({ defaultPriority: value as RoutingPriority }))}
        >
          <Label>Priority</Label>
          {PRIORITIES.map((priority) => (
            <Radio key={priority} value={priority}>
              {words(priority)}
            </Radio>
          ))}
        </RadioGroup>
        <div className="card">
          <h3>Limits</h3>
          <Amount label="Max cost per request, USD" value={preferences.maxCostPerRequest ?? ""} save={(value) => save(() => ({ maxCostPerRequest: value }))} />
          <Amount
            label="Max latency, ms"
            value={preferences.maxLatencyMs === null ? "" : String(preferences.maxLatencyMs)}
            save={async (value) => {
              if (value !== null && !/^-?\d{1,9}$/.test(value)) {
                return setState({ text: "Not saved. maxLatencyMs: must be a whole number of milliseconds", problem: true });
              }
              return save(() => ({ maxLatencyMs: value === null ? null : Number(value) }));
            }}
          />
          <Amount
            label="Daily cost alert threshold, USD"
            value={preferences.costAlertThreshold ?? ""}
            save={(value) => save(() => ({ costAlertThreshold: value }))}
          />
        </div>
        <Providers
          title="Preferred providers"
          hint="The first provider is preferred most. To reorder, drag a provider, or press Enter on a handle and use the arrow keys."
          ordered
          names={preferences.preferredProviders}
          save={(change, shownAt) => save((now) => ({ preferredProviders: change(now.preferredProviders) }), shownAt)}
        />
        <Providers
          title="Blocked providers"
          hint="No request is routed to these providers. A group such as vendor:anthropic blocks all models that Anthropic makes, whichever provider serves them."
          groups
          names={preferences.blockedProviders}
          save={(change, shownAt) => save((now) => ({ blockedProviders: change(now.blockedProviders) }), shownAt)}
        />
        <ProviderAliases />
        <Rules preferences={preferences} save={save} />
        <Simulation />
      </div>
    </section>
  );
}

/** A field that is saved on blur or Enter. Empty means no limit. */
function Amount({ label, value, save }: { label: string; value: string; save: (value: string | null) => Promise<unknown> }) {
  const [draft, setDraft] = useState<string>();
  const saving = useRef(false);
  const commit = async () => {
    if (draft === undefined || saving.current) return;
    saving.current = true;
    if (draft.trim() !== value) await save(draft.trim() === "" ? null : draft.trim());
    saving.current = false;
    setDraft((now) => (now === draft ? undefined : now)); // keep what was typed while saving
  };
  return (
    <label>
      {label}
      <input
        inputMode="decimal"
        placeholder="none"
        value={draft ?? value}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === "Enter" && commit()}
      />
    </label>
  );
}

interface ProvidersProps {
  title: string;
  hint: string;
  names: string[];
  ordered?: boolean;
  groups?: boolean;
  save: (change: (names: string[]) => string[], shownAt?: "here" | "at the field") => Promise<Outcome<unknown>>;
}

function Providers({ title, hint, names, ordered = false, groups = false, save }: ProvidersProps) {
  const { meant } = useProviders();
  const [added, setAdded] = useState("");
  const [problem, setProblem] = useState<string>();
  const field = useRef<HTMLInputElement>(null);
  const items = names.map((name) => ({ id: name }));
  const { dragAndDropHooks } = useDragAndDrop({
    getItems: (keys) => [...keys].map((key) => ({ "text/plain": String(key) })),
    onReorder: ({ keys, target }) => {
      if (keys.has(target.key)) return; // dropped where it was
      void save((names) => {
        const moved = names.filter((name) => keys.has(name));
        const rest = names.filter((name) => !keys.has(name));
        const index = rest.indexOf(String(target.key)) + (target.dropPosition === "after" ? 1 : 0);
        return [...rest.slice(0, index), ...moved, ...rest.slice(index)];
      });
    },
  });
  const add = async (event: FormEvent) => {
    event.preventDefault();
    const name = added.trim();
    setAdded("");
    setProblem(undefined);
    if (name === "") return;
    const outcome = await save((names) => (names.includes(name) ? names : [...names, name]), "at the field");
    if (outcome.problem === undefined) return;
    setProblem(outcome.problem);
    setAdded((now) => now || name); // to be corrected, unless the next name is typed already
    field.current?.focus();
  };
  /** The provider's name, when it differs from the given name. */
  const meaning = (name: string) => {
    const provider = meant(name);
    return provider && spelt(name) !== spelt(provider.id) && spelt(name) !== spelt(provider.name) ? provider.name : undefined;
  };
  return (
    <div className="card">
      <h3>{title}</h3>
      <p className="hint">{hint}</p>
      <GridList
        aria-label={title}
        items={items}
        className="badges"
        renderEmptyState={() => "None"}
        {...(ordered ? { dragAndDropHooks } : {})}
      >
        {(item) => (
          <GridListItem textValue={item.id} className="badge provider">
            {ordered && (
              <Button slot="drag" aria-label={`Move ${item.id}`} className="handle">
                ⠿
              </Button>
            )}
            <span>
              {item.id}
              {meaning(item.id) && <span className="soft"> {meaning(item.id)}</span>}
            </span>
            <Button aria-label={`Remove ${item.id}`} className="quiet" onPress={() => save((names) => names.filter((name) => name !== item.id))}>
              ×
            </Button>
          </GridListItem>
        )}
      </GridList>
      <form onSubmit={add} className="add">
        <ProviderInput
          ref={field}
          label={`Add to ${title.toLowerCase()}`}
          value={added}
          onChange={(value) => {
            setAdded(value);
            setProblem(undefined);
          }}
          placeholder={groups ? "provider or vendor:name" : "provider"}
          groups={groups}
          problem={problem}
        />
        <button type="submit">Add</button>
      </form>
    </div>
  );
}

function Rules({ preferences, save }: { preferences: Preferences; save: Save }) {
  const rules = preferences.customRules;
  const saveRules = (change: (rules: Rule[]) => Rule[]) => save((now) => ({ customRules: change(now.customRules) }));
  return (
    <div className="card full">
      <div className="head">
        <h3>Rules</h3>
        <FormDialog
          label="New Rule"
          title="New rule"
          submit="Add rule"
          onSubmit={async (fields) => halfHours(fields) ?? saveRules((rules) => [...rules, ruleOf(fields, NEW_RULE)])}
        >
          <RuleFields />
        </FormDialog>
      </div>
      <p className="hint">Rules are evaluated in this order. Every rule whose condition matches applies.</p>
      <ol className="rules">
        {rules.map((rule, index) => (
          <li key={rule.name}>
            <strong>{rule.name}</strong> <span>{described(rule)}</span>
            <span className="actions">
              <Button
                aria-label={`Move ${rule.name} up`}
                isDisabled={index === 0}
                onPress={() => saveRules((rules) => movedUp(rules, rule.name))}
              >
                ↑
              </Button>
              <FormDialog
                quiet
                label="Edit"
                name={`Edit ${rule.name}`}
                title={`Rule “${rule.name}”`}
                submit="Save rule"
                onSubmit={async (fields) =>
                  halfHours(fields) ??
                  saveRules((rules) => rules.map((each) => (each.name === rule.name ? ruleOf(fields, each) : each)))
                }
              >
                <RuleFields rule={rule} />
              </FormDialog>
              <Button aria-label={`Delete ${rule.name}`} onPress={() => saveRules((rules) => rules.filter((each) => each.name !== rule.name))}>
                Delete
              </Button>
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function RuleFields({ rule = NEW_RULE }: { rule?: Rule }) {
  const { when, then } = rule;
  return (
    <>
      <label>
        Name
        <input name="name" required maxLength={100} defaultValue={rule.name} />
      </label>
      <fieldset>
        <legend>When</legend>
        <label>
          Task type
          <input name="taskType" placeholder="any" defaultValue={when.taskType ?? ""} />
        </label>
        <label>
          Input tokens above
          <input name="above" type="number" min={0} defaultValue={when.inputTokensAbove ?? ""} />
        </label>
        <label>
          From hour
          <input name="from" type="number" min={0} max={24} defaultValue={when.hours?.from ?? ""} />
        </label>
        <label>
          To hour
          <input name="to" type="number" min={0} max={24} defaultValue={when.hours?.to ?? ""} />
        </label>
      </fieldset>
      <fieldset>
        <legend>Then</legend>
        <label>
          Priority
          <select name="priority" defaultValue={then.priority ?? ""}>
            <option value="">unchanged</option>
            {PRIORITIES.map((priority) => (
              <option key={priority} value={priority}>
                {words(priority)}
              </option>
            ))}
          </select>
        </label>
        <label>
          Prefer providers (comma-separated)
          <input name="prefer" defaultValue={then.prefer.join(", ")} />
        </label>
        <label>
          Block providers (comma-separated)
          <input name="block" defaultValue={then.block.join(", ")} />
        </label>
        <label>
          Max cost, USD
          <input name="maxCost" inputMode="decimal" defaultValue={then.maxCost ?? ""} />
        </label>
      </fieldset>
    </>
  );
}

function Simulation() {
  const client = useClient();
  const [taskType, setTaskType] = useState("chat");
  const [tokens, setTokens] = useState("1000");
  const [found, setFound] = useState<SimulateQuery["simulateRouting"]>();
  const [problem, setProblem] = useState<string>();
  const simulate = async (event: FormEvent) => {
    event.preventDefault();
    const result = await client
      .query(SIMULATE, { input: { taskType, inputTokens: Number(tokens) } }, { requestPolicy: "network-only" })
      .toPromise();
    setFound(result.data?.simulateRouting);
    setProblem(result.error && spoken(result.error));
  };
  return (
    <div className="card full">
      <h3>Preview a routing decision</h3>
      <form onSubmit={simulate} className="add">
        <label>
          Task type
          <input value={taskType} onChange={(event) => setTaskType(event.target.value)} required />
        </label>
        <label>
          Input tokens
          <input type="number" min={0} value={tokens} onChange={(event) => setTokens(event.target.value)} />
        </label>
        <button type="submit">Simulate</button>
      </form>
      {problem !== undefined && <p role="alert">{problem}</p>}
      {found && (
        <div role="status">
          <p>
            {found.refusal
              ? `Rejected: ${found.refusal.message}`
              : `To ${found.provider} ${found.model}, ${found.estimatedCost === null ? "at an unknown cost" : `for about ${dollars(found.estimatedCost)}`}, in about ${milliseconds(found.expectedLatencyMs)}.`}
            {found.rules.length > 0 && ` Rules: ${found.rules.join(", ")}.`}
          </p>
          <ul>
            {found.candidates.slice(0, 8).map((each) => (
              <li key={`${each.provider} ${each.model}`}>
                {each.provider} {each.model}: {each.reason}
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}

function described(rule: Rule): string {
  const { when, then } = rule;
  const conditions = [
    when.taskType && `task is ${when.taskType}`,
    when.inputTokensAbove !== null && `more than ${when.inputTokensAbove} input tokens`,
    when.hours && `between ${when.hours.from}:00 and ${when.hours.to}:00 ${when.timeZone}`,
    when.weekdays.length > 0 && `on ${when.weekdays.map(words).join(", ")}`,
    when.priority && `priority is ${words(when.priority)}`,
    when.metadata.length > 0 && `metadata has ${when.metadata.map((each) => each.key).join(", ")}`,
  ].filter(Boolean);
  const actions = [
    then.use && `use ${then.use.provider} ${then.use.model}`,
    then.priority && `priority ${words(then.priority)}`,
    then.prefer.length > 0 && `prefer ${then.prefer.join(", ")}`,
    then.block.length > 0 && `block ${then.block.join(", ")}`,
    then.maxCost && `at most ${dollars(then.maxCost)}`,
  ].filter(Boolean);
  const condition = conditions.length > 0 ? `When ${conditions.join(" and ")}` : "For every request";
  return `${condition}: ${actions.join(", ") || "no action"}.`;
}

function halfHours(fields: Record<string, string>): Outcome<never> | undefined {
  return !fields["from"] === !fields["to"] ? undefined : { problem: "Hours: fill in both From hour and To hour, or neither." };
}

function movedUp(rules: Rule[], name: string): Rule[] {
  const index = rules.findIndex((each) => each.name === name);
  const rule = rules[index];
  if (index < 1 || rule === undefined) return rules;
  const rest = rules.filter((each) => each !== rule);
  return [...rest.slice(0, index - 1), rule, ...rest.slice(index - 1)];
}

/** The rule with the values of the form. What the form does not show stays unchanged. */
function ruleOf(fields: Record<string, string>, rule: Rule): Rule {
  const names = (text: string | undefined) => (text ?? "").split(",").map((each) => each.trim()).filter(Boolean);
  const number = (text: string | undefined) => (text ? Number(text) : null);
  const [from, to] = [number(fields["from"]), number(fields["to"])];
  return {
    ...rule,
    name: fields["name"] ?? "",
    when: {
      ...rule.when,
      taskType: fields["taskType"] || null,
      inputTokensAbove: number(fields["above"]),
      hours: from === null || to === null ? null : { from, to },
    },
    then: {
      ...rule.then,
      prefer: names(fields["prefer"]),
      block: names(fields["block"]),
      maxCost: fields["maxCost"] || null,
      priority: (fields["priority"] || null) as RoutingPriority | null,
    },
  };
}

function asInput(preferences: Preferences): SavePreferencesInput {
  const { defaultPriority, maxCostPerRequest, maxLatencyMs, preferredProviders, blockedProviders, costAlertThreshold } = preferences;
  const { customRules } = preferences;
  return { defaultPriority, maxCostPerRequest, maxLatencyMs, preferredProviders, blockedProviders, costAlertThreshold, customRules };
}
