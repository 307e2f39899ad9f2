import { type FormEvent, type ReactNode, useState } from "react";
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from "react-aria-components";
import type { Outcome } from "../hooks/useEnterpriseRouter";

interface Props {
  /** Of the button that opens it. */
  label: string;
  /** Of the button, for who hears it, where there are several with one label. */
  name?: string;
  title: string;
  submit: string;
  danger?: boolean;
  quiet?: boolean;
  children: ReactNode;
  /** What is in the fields, by name. It closes when that was taken, and else says why it was not. */
  onSubmit: (fields: Record<string, string>) => Promise<Outcome<unknown>>;
}

/** A button that opens a form over the page. */
export function FormDialog({ label, name, title, submit, danger = false, quiet = false, children, onSubmit }: Props) {
  const [problem, setProblem] = useState<string>();
  const [sending, setSending] = useState(false);
  return (
    <DialogTrigger onOpenChange={() => setProblem(undefined)}>
      <Button className={quiet ? "" : danger ? "danger" : "primary"} {...(name === undefined ? {} : { "aria-label": name })}>
        {label}
      </Button>
      <ModalOverlay isDismissable className="overlay">
        <Modal className="modal">
          <Dialog>
            {({ close }) => (
              <form
                onSubmit={async (event: FormEvent<HTMLFormElement>) => {
                  event.preventDefault();
                  const fields = Object.fromEntries(
                    [...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()]),
                  );
                  setSending(true);
                  const outcome = await onSubmit(fields);
                  setSending(false);
                  if (outcome.problem === undefined) close();
                  else setProblem(outcome.problem);
                }}
              >
                <Heading slot="title">{title}</Heading>
                {children}
                {problem !== undefined && <p role="alert">{problem}</p>}
                <div className="actions">
                  <Button onPress={close}>Cancel</Button>
                  <Button type="submit" className={danger ? "danger" : "primary"} isDisabled={sending}>
                    {submit}
                  </Button>
                </div>
              </form>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}
