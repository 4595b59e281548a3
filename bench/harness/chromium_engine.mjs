// Headless Chromium as an engine: a profile and an isolated page per candidate, because pages of different profiles
// never share a process. heed and the loops run in a worker of the page, as heed's threads require; the peers run in
// the page itself, as their own documentation shows.

import { chromium } from "playwright";

import { Failure } from "../../.ci/base/failure.mjs";
import { watchOthers } from "./machine.mjs";
import { serve } from "./server.mjs";
import { Session } from "./session.mjs";

const executablePath = process.env.HEED_CHROMIUM ?? "/usr/bin/chromium";
const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  // Pages wait for their turn in the background; they must not be slowed down for it.
  ...["--disable-background-timer-throttling", "--disable-renderer-backgrounding"],
  "--disable-backgrounding-occluded-windows",
];

export async function startChromium() {
  const server = await serve();
  const browser = await chromium.launch({ executablePath, args: flags }).catch(async (error) => {
    await server.close();
    const [reason] = error.message.split("\n");
    throw new Failure(
      `Chromium did not start from ${executablePath} (${reason}); install it, name another with HEED_CHROMIUM, or ` +
        `measure in Node alone with --engine=node.`,
    );
  });
  return {
    name: "chromium",
    title: `Chromium ${browser.version()}`,
    entry: (name) => (name === "heed/sync" ? "/dist/sync-web.js" : "/dist/web.js"),
    watchOthers,
    async open({ module, place }) {
      const profile = await browser.newContext();
      const page = await profile.newPage();
      page.setDefaultTimeout(0);
      const session = new Session({
        address: (name) => `/bench/${name}`,
        module,
        send: (id, message) => page.evaluate(([...parts]) => globalThis.ask(...parts), [id, message]),
        end: () => profile.close(),
      });
      page.on("crash", () => session.fail("the page crashed"));
      browser.on("disconnected", () => session.fail("the browser ended"));
      if (process.env.HEED_BENCH_VERBOSE) {
        page.on("console", (message) => console.error(`[${module}] ${message.text().slice(0, 400)}`));
      }
      await page.exposeFunction("answer", (id, answer) => session.receive(id, answer));
      await page.goto(`${server.address}/bench/harness/page.html?place=${place}`);
      await page.waitForFunction("globalThis.ready");
      return session;
    },
    async close() {
      await browser.close();
      await server.close();
    },
  };
}
