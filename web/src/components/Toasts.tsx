import { useCallback, useState } from "react";
import { Button } from "react-aria-components";

export interface Toast {
  id: string;
  title: string;
  text: string;
  urgent: boolean;
}

const MOST = 4;

export function useToasts() {
  const [toasts, setToasts] = useState<Toast[]>([]);
  return {
    toasts,
    // Toasts stay until they are dismissed, so that an absent user does not miss an alert.
    show: useCallback((toast: Toast) => setToasts((all) => most([toast, ...all.filter((each) => each.id !== toast.id)])), []),
    dismiss: useCallback((id: string) => setToasts((all) => all.filter((each) => each.id !== id)), []),
  };
}

/** All urgent toasts, and the newest others up to `MOST` in total. */
function most(toasts: Toast[]): Toast[] {
  let room = MOST - toasts.filter((each) => each.urgent).length;
  return toasts.filter((each) => each.urgent || room-- > 0);
}

/** Notifications. Screen readers announce them when they appear. */
export function Toasts({ toasts, dismiss }: { toasts: Toast[]; dismiss: (id: string) => void }) {
  return (
    <section className="toasts" aria-label="Notifications" aria-live="assertive">
      {toasts.map((toast) => (
        <div key={toast.id} className={toast.urgent ? "toast triggered" : "toast near_limit"}>
          <strong>{toast.title}</strong>
          <span>{toast.text}</span>
          <Button aria-label={`Dismiss: ${toast.title}`} onPress={() => dismiss(toast.id)} className="quiet">
            ×
          </Button>
        </div>
      ))}
    </section>
  );
}
