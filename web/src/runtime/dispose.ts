/** `using x = …` calls dispose(), in engines that know the symbol; WebKit's older ones do not. */
export function disposeOnUsing(kind: { prototype: { dispose(): unknown } }): void {
  if (typeof Symbol.dispose !== "symbol") return;
  Object.defineProperty(kind.prototype, Symbol.dispose, {
    configurable: true,
    writable: true,
    value(this: { dispose(): unknown }): void {
      void this.dispose();
    },
  });
}
