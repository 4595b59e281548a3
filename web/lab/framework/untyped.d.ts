/** Packages that bring no types of their own: as much of them as the lab uses. */

declare module "@observablehq/inputs";

declare module "jsdom" {
  export class JSDOM {
    readonly window: { DOMParser: new () => DOMParser };
  }
}
