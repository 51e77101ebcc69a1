/** The API's document, to be read. Its search would take a worker made of text, which the page's policy forbids. */

globalThis.Redoc.init("openapi.json", { disableSearch: true, hideLogo: true, nativeScrollbars: true }, document.getElementById("reference"));
