// Tabs, by pointer and by arrow keys. On a wide screen the module tree has a place of its own beside them.

import { byId } from "./dom.js";

/** @param {HTMLElement} bar */
export function mountTabs(bar) {
  const tabs = [...bar.querySelectorAll("button")];
  const narrow = matchMedia("(max-width: 60rem)");
  const usable = () => tabs.filter((tab) => narrow.matches || tab.dataset.tab !== "modules");

  const show = (/** @type {string} */ name) => {
    document.body.dataset.tab = name;
    for (const tab of tabs) {
      const isShown = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(isShown));
      tab.tabIndex = isShown ? 0 : -1;
    }
  };

  for (const tab of tabs) {
    byId(`panel-${tab.dataset.tab ?? ""}`, HTMLElement).setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => show(tab.dataset.tab ?? ""));
  }
  bar.addEventListener("keydown", (event) => {
    const all = usable();
    const at = all.findIndex((tab) => tab === document.activeElement);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: -1 }[event.key];
    const tab = next === undefined ? undefined : all.at(next % all.length);
    if (tab === undefined) return;
    event.preventDefault();
    show(tab.dataset.tab ?? "");
    tab.focus();
  });
  narrow.addEventListener("change", () => {
    if (!narrow.matches && document.body.dataset.tab === "modules") show("graph");
  });
  show("graph");
  return {
    show,
    /** Where the modules fill the screen, on to the drawing of the one that was opened. */
    leaveModules: () => {
      if (document.body.dataset.tab === "modules") show("graph");
    },
  };
}
