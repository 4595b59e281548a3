/**
 * `using x = …` calls dispose(). WebKit does not know the statement; where it is compiled away, Babel, esbuild and oxc
 * look for the registered symbol in the place of the missing one.
 */
export function disposeOnUsing(kind: { prototype: { dispose(): unknown } }): void {
  Object.defineProperty(kind.prototype, Symbol.dispose ?? Symbol.for("Symbol.dispose"), {
    configurable: true,
    writable: true,
    value(this: { dispose(): unknown }): void {
      void this.dispose();
    },
  });
}
