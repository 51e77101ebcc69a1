/** The language in which is asked and answered, where somebody knows it beforehand. */

import { h } from "./dom.js";

const CODES = "ar bg cs da de el en es fa fi fr he hi hu id it ja ko nl no pl pt ro ru sv th tr uk ur vi zh".split(" ");
const NAMES = new Intl.DisplayNames("en", { type: "language" });

/** @param {string | null} [chosen] */
export function languageField(chosen) {
  const named = CODES.map((code) => [NAMES.of(code) ?? code, code]).sort(([a], [b]) => a.localeCompare(b));
  const options = [["As it is spoken", ""], ...named].map(([name, code]) => h("option", { value: code, selected: code === (chosen ?? "") }, name));
  const select = h("select", { id: "language" }, ...options);
  const element = h("div.field", {}, h("label", { for: "language" }, "Language of questions and answers"), select);
  return { element, value: () => select.value };
}
