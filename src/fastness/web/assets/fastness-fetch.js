/*
 * fastness.fetch(address, options): the browser's fetch, with the form token where it belongs.
 *
 * The token comes from <meta name="csrf-token" content="{{ csrf_token() }}">. It is sent with requests that change
 * something, to this page's own origin and nowhere else: such a request does not follow a redirect to another origin,
 * which would take the header along. A request to another origin goes out as it is. `json` in the options is a value
 * to be sent as JSON.
 */
(() => {
  "use strict";
  const reading = new Set(["GET", "HEAD", "OPTIONS"]);
  const token = () => {
    const found = document.querySelector('meta[name="csrf-token"]');
    if (!found || !found.content) {
      throw new Error('fastness.fetch: write <meta name="csrf-token" content="{{ csrf_token() }}"> into the page.');
    }
    return found.content;
  };
  const send = async (address, options = {}) => {
    const { json, ...others } = options;
    const request = new Request(address, json === undefined ? others : { ...others, body: JSON.stringify(json) });
    if (json !== undefined) {
      request.headers.set("Content-Type", "application/json");
    }
    if (reading.has(request.method.toUpperCase()) || new URL(request.url).origin !== location.origin) {
      return fetch(request);
    }
    const own = new Request(request, { mode: "same-origin" });
    own.headers.set("X-CSRF-Token", token());
    return fetch(own);
  };
  window.fastness = Object.freeze({ ...window.fastness, fetch: send });
})();
