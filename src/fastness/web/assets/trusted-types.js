/*
 * Lets libraries that swap in HTML from this server (htmx, Turbo) write it, and nothing more.
 *
 * Under `require-trusted-types-for 'script'` a browser refuses every string that is written as HTML, script code or
 * script address. This default policy passes HTML: what it contains still runs nothing, because the content security
 * policy allows no inline handler and no script without this page's nonce.
 *
 * These libraries re-create the <script> elements and copy the attributes of a response. Such an element gets no code
 * and no address, an attribute no handler: a refusal would throw in the middle of the swap, and a response with one
 * injected <script> would leave the page half done. Everything else (eval, timers, workers) is refused.
 * Load it first: a policy named "default" can be made once.
 */
if (window.trustedTypes && !window.trustedTypes.defaultPolicy) {
  const emptied = /^(HTMLScriptElement|SVGScriptElement|Element) /;
  const empty = (text, type, sink) => {
    if (!emptied.test(sink)) return null;
    if (text) console.warn(`A script in HTML from the server was left out (${sink}).`);
    return "";
  };
  window.trustedTypes.createPolicy("default", {
    createHTML: (text) => text,
    createScript: empty,
    createScriptURL: empty,
  });
}
