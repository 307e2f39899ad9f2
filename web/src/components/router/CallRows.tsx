import { Button } from "react-aria-components";
import { count, milliseconds, time, words } from "../../format";
import type { CostSource } from "../../gql/graphql";
import type { Call } from "../../hooks/useEnterpriseRouter";
import { Cost } from "../Cost";

const SOURCES: Record<CostSource, string> = {
  RECORDED: "recorded",
  LIST_PRICE: "list price",
  REGISTERED_PRICE: "your price",
  UNKNOWN: "",
};
const KINDS = [
  ["cachedTokens", "cached"],
  ["cacheWriteTokens", "cache writes"],
  ["inputAudioTokens", "audio in"],
  ["inputImageTokens", "images in"],
  ["inputVideoTokens", "video in"],
  ["reasoningTokens", "reasoning"],
  ["citationTokens", "citations"],
  ["outputAudioTokens", "audio out"],
  ["outputImageTokens", "images out"],
  ["outputVideoTokens", "video out"],
] as const;

interface Props {
  label: string;
  calls: Call[];
  correct: (call: Call) => void;
}

/** A table of calls. Each cost is shown with its source. */
export function CallRows({ label, calls, correct }: Props) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table className="calls">
        <thead>
          <tr>
            {["Time", "Provider", "Model", "Task", "Result", "Latency", "Tokens", "Cost"].map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
            <td />
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={call.id}>
              <td>
                {time(call.occurredAt)}
                {call.amendedAt && <Note>amended {time(call.amendedAt)}</Note>}
              </td>
              <td>
                {call.provider}
                {call.reportedProvider !== call.provider && <Note>sent as {call.reportedProvider}</Note>}
              </td>
              <td>
                {call.modelUsed}
                {call.reportedModel !== call.modelUsed && <Note>sent as {call.reportedModel}</Note>}
              </td>
              <td>
                {call.taskType}
                {call.metadataTruncated && <Note>metadata truncated</Note>}
              </td>
              <td>{call.success ? "success" : "failure"}</td>
              <td>{milliseconds(call.latencyMs)}</td>
              <td>
                <Tokens of={call} />
              </td>
              <td>
                <Cost of={call.cost} />
                {call.cost !== null && SOURCES[call.costSource] && <Note>{SOURCES[call.costSource]}</Note>}
              </td>
              <td>
                <Button onPress={() => correct(call)} aria-label={`Correct the call of ${time(call.occurredAt)}, ${call.modelUsed}`}>
                  Correct…
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Note({ children }: { children: React.ReactNode }) {
  return <span className="note">{children}</span>;
}

/** `1,200 in, 300 out`, and the reported kinds of tokens. */
function Tokens({ of }: { of: Call }) {
  const shown = (tokens: number | null) => (tokens === null ? "unknown" : count(tokens));
  if (of.inputTokens === null && of.outputTokens === null) return <span className="soft">unknown</span>;
  const kinds = KINDS.flatMap(([kind, name]) => (of[kind] ? [`${count(of[kind])} ${name}`] : []));
  return (
    <>
      {shown(of.inputTokens)} in, {shown(of.outputTokens)} out
      {kinds.length > 0 && <Note>{kinds.join(", ")}</Note>}
      {of.serviceTier !== "STANDARD" && <Note>{words(of.serviceTier)} tier</Note>}
    </>
  );
}
