/** The API's document, to be tried out. A token that is entered is kept in this page only. */

globalThis.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  persistAuthorization: false,
  validatorUrl: null,
});
