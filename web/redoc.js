/**
 * The API's document, to be read. Its search would take a worker made of text, which the page's policy forbids.
 * The policy forbids the picture of its makers too, which comes from their server and which no option leaves out:
 * it is not asked for, as if it could not be had.
 */

const { setAttribute } = Element.prototype;
const own = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");

/** Set where an image comes from, unless that is elsewhere. */
function come(image, value, set) {
  if (/^https?:/.test(value)) queueMicrotask(() => image.dispatchEvent(new Event("error")));
  else set();
}

HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name === "src") come(this, value, () => setAttribute.call(this, name, value));
  else setAttribute.call(this, name, value);
};
Object.defineProperty(HTMLImageElement.prototype, "src", {
  ...own,
  set(value) {
    come(this, value, () => own.set.call(this, value));
  },
});

globalThis.Redoc.init("openapi.json", { disableSearch: true, hideLogo: true, nativeScrollbars: true }, document.getElementById("reference"));
