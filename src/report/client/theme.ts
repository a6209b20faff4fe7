import { byId } from "./dom.ts";

const changed: (() => void)[] = [];
const system = matchMedia("(prefers-color-scheme: dark)");

/** Light or dark as the system says, until the button is pressed. */
export function startTheme(): void {
  const button = byId("theme");
  const show = () => {
    button.setAttribute("aria-pressed", String(isDark()));
    for (const redraw of changed) redraw();
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();
}

/** Called whenever colours have changed: a canvas does not see style sheets. */
export function onTheme(redraw: () => void): void {
  changed.push(redraw);
}

/** What a custom property of the page is as a colour at the moment. */
export function colour(property: string): string {
  const probe = document.createElement("i");
  probe.style.color = `var(${property})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function isDark(): boolean {
  const { theme } = document.documentElement.dataset;
  return theme === undefined ? system.matches : theme === "dark";
}
