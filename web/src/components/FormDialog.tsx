import { createContext, type FormEvent, type InputHTMLAttributes, type ReactNode, useContext, useId, useRef, useState } from "react";
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from "react-aria-components";
import type { Outcome } from "../hooks/useEnterpriseRouter";

interface FormProps {
  title: string;
  submit: string;
  danger?: boolean;
  children: ReactNode;
  /** Receives the field values by name. The form closes on success; otherwise it shows the problem at the field that caused it. */
  onSubmit: (fields: Record<string, string>) => Promise<Outcome<unknown>>;
}

interface Props extends FormProps {
  /** The label of the button that opens the form. */
  label: string;
  /** The accessible name of the button, when several buttons have the same label. */
  name?: string;
  quiet?: boolean;
}

/** A button that opens a form over the page. */
export function FormDialog({ label, name, quiet = false, ...form }: Props) {
  return (
    <DialogTrigger>
      <Button className={quiet ? "" : form.danger ? "danger" : "primary"} {...(name === undefined ? {} : { "aria-label": name })}>
        {label}
      </Button>
      <FormModal {...form} />
    </DialogTrigger>
  );
}

/** A modal form. With `onClose` it is open from the start; otherwise the button of its dialog trigger opens it. */
export function FormModal({ onClose, ...form }: FormProps & { onClose?: () => void }) {
  return (
    <ModalOverlay
      isDismissable
      className="overlay"
      {...(onClose && { isOpen: true, onOpenChange: (open: boolean) => open || onClose() })}
    >
      <Modal className="modal">
        <Dialog>{({ close }) => <Form {...form} close={close} />}</Dialog>
      </Modal>
    </ModalOverlay>
  );
}

/** The problem of each field, by field name. */
const Problems = createContext<Record<string, string>>({});

function Form({ title, submit, danger = false, children, onSubmit, close }: FormProps & { close: () => void }) {
  const [wrong, setWrong] = useState<{ field?: string | undefined; problem: string }>();
  const [sending, setSending] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const send = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const values = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, String(value).trim()]));
    setSending(true);
    const { problem, path } = await onSubmit(values);
    setSending(false);
    if (problem === undefined) return close();
    const fields = [...(form.current?.querySelectorAll<HTMLElement>("[data-tells-problems]") ?? [])];
    const at = fields.find((each) => path?.includes(each.getAttribute("name") ?? ""));
    setWrong({ field: at?.getAttribute("name") ?? undefined, problem });
    at?.focus();
  };
  return (
    <form onSubmit={send} ref={form}>
      <Heading slot="title">{title}</Heading>
      <Problems value={wrong?.field === undefined ? {} : { [wrong.field]: wrong.problem }}>{children}</Problems>
      {wrong && wrong.field === undefined && <p role="alert">{wrong.problem}</p>}
      <div className="actions">
        <Button onPress={close}>Cancel</Button>
        <Button type="submit" className={danger ? "danger" : "primary"} isDisabled={sending}>
          {submit}
        </Button>
      </div>
    </form>
  );
}

interface FieldProps extends InputHTMLAttributes<HTMLInputElement> {
  label: string;
  /** The name of the field in the API, which its errors use. */
  name: string;
  hint?: string;
}

/** A form field that shows its own problem. */
export function Field({ label, hint, ...input }: FieldProps) {
  const problem = useContext(Problems)[input.name];
  const id = useId();
  return (
    <div className="field">
      <label>
        {label}
        <input {...input} data-tells-problems aria-invalid={problem !== undefined} aria-describedby={`${id}hint ${id}problem`} />
      </label>
      <p id={`${id}hint`} className="hint">
        {hint}
      </p>
      <p id={`${id}problem`} role="alert">
        {problem}
      </p>
    </div>
  );
}
