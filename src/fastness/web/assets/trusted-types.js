/*
 * Lets libraries that swap in HTML from this server (htmx, Turbo) write it, and nothing more.
 *
 * Under `require-trusted-types-for 'script'` a browser refuses every string that is written as HTML, script code or
 * script address. This default policy passes HTML: what it contains still runs nothing, because the content security
 * policy allows no inline handler and no script without this page's nonce. Script code and script addresses stay
 * refused, so a library that re-creates <script> elements from a response cannot be used to run one.
 * Load it first: a policy named "default" can be made once.
 */
if (window.trustedTypes && !window.trustedTypes.defaultPolicy) {
  window.trustedTypes.createPolicy("default", {
    createHTML: (text) => text,
    createScript: () => null,
    createScriptURL: () => null,
  });
}
