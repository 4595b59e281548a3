/**
 * Keeps the lab for times without a network: registers the service worker of a build when the page has come to rest,
 * and tells it which module runs here. `ready` resolves when everything that this page can ask for is kept.
 */
import { library } from "./library.js";

/** Chosen: the page's own first figures come first. */
const restMs = 1500;

export async function keepOffline(): Promise<void> {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  try {
    await rest();
    await navigator.serviceWorker.register(new URL("service-worker.js", document.baseURI));
    const { active } = await navigator.serviceWorker.ready;
    if (active === null) return;
    await tell(active);
    document.documentElement.dataset["offline"] = "ready";
    library.addEventListener("change", () => void (library.info !== undefined && tell(active)));
  } catch {
    // Storage may be switched off or full: then the lab needs its network, as any page does.
  }
}

function rest(): Promise<void> {
  const loaded =
    document.readyState === "complete"
      ? Promise.resolve()
      : new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  return loaded.then(() => new Promise((resolve) => setTimeout(resolve, restMs)));
}

function tell(worker: ServiceWorker): Promise<void> {
  const { saveData = false } = (navigator as { connection?: { saveData?: boolean } }).connection ?? {};
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => resolve();
    worker.postMessage({ variant: library.info?.variant, data: !saveData }, [port2]);
  });
}
