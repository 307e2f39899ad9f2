import { Component, type ReactNode } from "react";
import { Button } from "react-aria-components";

/** Confines an error in one panel, or a panel that cannot be loaded, to that panel. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div role="alert">
        <p>This panel could not be displayed. The server may have been upgraded or be unavailable.</p>
        <Button onPress={() => location.reload()}>Reload</Button>
      </div>
    );
  }
}
