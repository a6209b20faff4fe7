const SVG = "http://www.w3.org/2000/svg";
type Child = Node | string;
type Attributes = Record<string, string | number | undefined>;

/** The element of the page with this id, which the renderer put there. */
export function byId<T = HTMLElement>(id: string): T {
  return document.getElementById(id) as unknown as T; // the renderer and this script are one version
}

/** A new HTML element; texts stay texts. */
export function element(tag: string, attributes: Attributes = {}, children: Child[] = []): HTMLElement {
  return fill(document.createElement(tag), attributes, children);
}

/** A new SVG element. */
export function svg(tag: string, attributes: Attributes = {}, children: Child[] = []): SVGElement {
  return fill(document.createElementNS(SVG, tag) as SVGElement, attributes, children);
}

function fill<T extends Element>(target: T, attributes: Attributes, children: Child[]): T {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) target.setAttribute(name, String(value));
  }
  target.append(...children);
  return target;
}
