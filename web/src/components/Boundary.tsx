import { Component, type ReactNode } from "react";
import { Button } from "react-aria-components";

/** Keeps what fails in one panel, or cannot be loaded, from taking the page with it. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    if (!this.state.failed) return this.props.children;
    return (
      <div role="alert">
        <p>This could not be shown. The server may have been upgraded, or be away.</p>
        <Button onPress={() => location.reload()}>Reload</Button>
      </div>
    );
  }
}
