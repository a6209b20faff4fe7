import { showNumber } from "../../figures.ts";
import { shown } from "../../terminal/visible_text.ts";

/** HTML that is safe to put into a page, since only `html` makes it. */
export class Markup {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | Content[];

/** Characters of a single text on the page, at most; report.json has it whole. */
const LONGEST_TEXT = 800;
/** Of a name, which stands in a table or a line. */
const LONGEST_NAME = 120;
const entities: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** A template whose values are text, shown and never run, unless they are `Markup` themselves. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Markup {
  return new Markup(strings.reduce((text, string, index) => `${text}${write(values[index - 1])}${string}`));
}

/** A name of unknown origin, isolated from the direction of the text around it. */
export function name(text: string): Markup {
  return html`<bdi class="name">${shown(text, LONGEST_NAME)}</bdi>`;
}

/** A table that its caption names and that scrolls inside itself. The first column names the row; the others hold figures unless `prose`. */
export function table(
  caption: string,
  heads: string[],
  rows: Content[][],
  { prose = false }: { prose?: boolean } = {},
): Markup {
  const kind = prose ? "prose" : "figures";
  return html`<div class="scroll" role="group" tabindex="0" aria-label="${caption}"><table class="${kind}"><caption>${caption}</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows.map(([first, ...rest]) => html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>\n`)}</tbody></table></div>`;
}

/** Says that a list was cut; nothing when it was not. */
export function omitted(count: number, what: string): Markup {
  return count > 0 ? html`<p class="note">${showNumber(count)} more ${what} in report.json.</p>` : html``;
}

function write(value: Content): string {
  if (value === undefined) return "";
  if (Array.isArray(value)) return value.map(write).join("");
  if (value instanceof Markup) return value.text;
  return shown(String(value), LONGEST_TEXT).replace(/[&<>"']/g, (character) => entities[character]!);
}
