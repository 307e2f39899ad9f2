import { count, dollars, time } from "../../format";
import type { AmendAnalyticsInput } from "../../gql/graphql";
import { type Call, useEnterpriseRouter } from "../../hooks/useEnterpriseRouter";
import { Field, FormModal } from "../FormDialog";

interface Props {
  call: Call;
  close: () => void;
  /** Called when the server has accepted the correction. */
  corrected: () => void;
}

const MOST_TOKENS = 1_000_000_000;

/** A form that amends a call. */
export function Correction({ call, close, corrected }: Props) {
  const { amendAnalytics } = useEnterpriseRouter();
  const now = (value: string) => `current: ${value}`;
  return (
    <FormModal
      title={`Correct the call of ${time(call.occurredAt)}`}
      submit="Correct"
      onClose={close}
      onSubmit={async (fields) => {
        const wrong = noNumber(fields);
        if (wrong) return wrong;
        const outcome = await amendAnalytics(call.id, amendment(fields));
        if (outcome.problem === undefined) corrected();
        return outcome;
      }}
    >
      <p className="hint">
        {call.provider} {call.modelUsed}, {call.taskType}. Empty fields stay unchanged. Sums, A/B tests and alerts are updated.
      </p>
      <Field name="cost" label="Cost, USD" inputMode="decimal" hint={now(dollars(call.cost))} autoFocus />
      <Field name="inputTokens" label="Input tokens" inputMode="numeric" hint={now(tokens(call.inputTokens))} />
      <Field name="outputTokens" label="Output tokens" inputMode="numeric" hint={now(tokens(call.outputTokens))} />
      <label>
        Result
        <select name="success">
          <option value="">{now(call.success ? "success" : "failure")}</option>
          <option value={String(!call.success)}>{call.success ? "failure" : "success"}</option>
        </select>
      </label>
      <Field name="qualityScore" label="Quality, 0 to 1" inputMode="decimal" hint={now(String(call.qualityScore ?? "unknown"))} />
    </FormModal>
  );
}

function tokens(known: number | null): string {
  return known === null ? "unknown" : count(known);
}

/** The first field whose text is not a number. The API would reject the request without naming it. */
function noNumber({ cost, inputTokens, outputTokens, qualityScore }: Record<string, string>): { problem: string; path: string[] } | undefined {
  for (const [name, text] of Object.entries({ inputTokens, outputTokens })) {
    if (text && !(/^\d+$/.test(text) && Number(text) <= MOST_TOKENS)) {
      return { problem: `${name}: must be a whole number from 0 to ${count(MOST_TOKENS)}`, path: [name] };
    }
  }
  if (cost && !/^-?\d*\.?\d+$/.test(cost)) return { problem: "cost: must be an amount in USD, such as 0.0125", path: ["cost"] };
  if (qualityScore && !/^-?\d*\.?\d+$/.test(qualityScore)) return { problem: "qualityScore: must be a number from 0 to 1", path: ["qualityScore"] };
  return undefined;
}

/** The filled-in fields as an amendment. */
function amendment({ cost, inputTokens, outputTokens, success, qualityScore }: Record<string, string>): AmendAnalyticsInput {
  return {
    ...(cost && { cost }),
    ...(inputTokens && { inputTokens: Number(inputTokens) }),
    ...(outputTokens && { outputTokens: Number(outputTokens) }),
    ...(success && { success: success === "true" }),
    ...(qualityScore && { qualityScore: Number(qualityScore) }),
  };
}
