import { type FormEvent, useState } from "react";

/** The sign-in form. The link that the server prints signs in without it. */
export function SignIn({ problem, signIn }: { problem: string | undefined; signIn: (token: string) => void }) {
  const [given, setGiven] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (given.trim() !== "") signIn(given);
  };
  return (
    <main className="sign-in">
      <h1>Enterprise Router</h1>
      <form onSubmit={submit}>
        <label>
          Token
          <input type="password" autoComplete="off" value={given} onChange={(event) => setGiven(event.target.value)} required />
        </label>
        <button type="submit" className="primary">
          Sign in
        </button>
        {problem !== undefined && <p role="alert">{problem}</p>}
        <p>
          The server prints a link with a token when it starts. To create a token, run <code>python -m server token --user …</code>.
        </p>
      </form>
    </main>
  );
}
