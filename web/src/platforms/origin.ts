/** Whether code comes from another web origin than the page. Bundlers also make file: addresses: those do not count. */
export function fromAnotherOrigin(address: string): boolean {
  const { protocol, origin } = new URL(address);
  return (protocol === "https:" || protocol === "http:") && origin !== globalThis.location.origin;
}
