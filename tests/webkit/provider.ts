/** Vitest's tests in WebKitGTK: a page is opened, and the page does the rest. */
import { defineBrowserProvider } from "@vitest/browser";
import type { BrowserCommand, BrowserProvider, BrowserProviderOption } from "vitest/node";

import { WebKit, type WebKitOptions } from "./webkit.js";

class WebKitProvider implements BrowserProvider {
  readonly name = "webkit";
  readonly supportsParallelism = false;
  #browser: Promise<WebKit> | undefined;

  constructor(readonly options: WebKitOptions) {}

  /** Nothing that a test could ask of the driver. */
  getCommandsContext(): Record<string, unknown> {
    return {};
  }

  async openPage(_session: string, url: string): Promise<void> {
    this.#browser ??= WebKit.start(this.options);
    await (await this.#browser).open(url);
  }

  async close(): Promise<void> {
    const browser = this.#browser;
    this.#browser = undefined;
    // One that did not start has said so in openPage.
    await (await browser?.catch(() => undefined))?.close();
  }
}

/** What Vitest itself asks of a provider: the frame of a test has its size, and the window around it is large enough. */
export const webkitCommands: Record<string, BrowserCommand<[]>> = { __vitest_viewport: () => undefined };

export function webkit(options: WebKitOptions = {}): BrowserProviderOption {
  return defineBrowserProvider({
    name: "webkit",
    supportedBrowser: ["webkit"],
    options,
    providerFactory: () => new WebKitProvider(options),
  });
}
