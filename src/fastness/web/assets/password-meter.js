/*
 * Says how strong a new password looks, and shows it on demand. Nothing is sent, stored or logged; the server decides.
 *
 * It works on <input type="password" data-password-meter="15">, whose value is the least number of characters. The words
 * come from data-password-meter-words, in the page's language, and are read to people who do not see the bar, when they
 * change. Without this script the form works the same.
 */
const WORDS = "Too short: at least # characters.|Long enough, but easy to guess.|Good.|Strong.|Show the password|Hide the password";
for (const field of document.querySelectorAll("input[data-password-meter]")) {
  const least = Number(field.dataset.passwordMeter) || 15;
  const [short, weak, good, strong, show, hide] = (field.dataset.passwordMeterWords || WORDS).replace("#", least).split("|");
  const bar = document.createElement("meter");
  bar.className = "strength";
  bar.max = 4;
  bar.low = 2;
  bar.high = 3;
  bar.optimum = 4;
  bar.setAttribute("aria-hidden", "true");
  const words = document.createElement("p");
  words.className = "hint";
  words.setAttribute("aria-live", "polite");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button plain";
  button.textContent = show;
  button.setAttribute("aria-pressed", "false");
  field.after(bar, words, button);

  const look = () => {
    const text = field.value;
    // Repeats and neighbours count little: "aaaa" and "abcd" are each hardly more than one character.
    let worth = 0;
    for (let place = 0; place < text.length; place += 1) {
      const step = Math.abs(text.charCodeAt(place) - text.charCodeAt(place - 1));
      worth += step === 0 || step === 1 ? 0.25 : 1;
    }
    worth = Math.min(worth, 2 * new Set(text.toLowerCase()).size);
    const isLong = [...text].length >= least;
    const score = !text ? 0 : !isLong ? 1 : worth < least * 0.7 ? 2 : worth < least * 1.2 ? 3 : 4;
    bar.value = score;
    const said = ["", short, weak, good, strong][score];
    if (words.textContent !== said) words.textContent = said;
  };
  field.addEventListener("input", look);
  button.addEventListener("click", () => {
    const shows = field.type === "password";
    field.type = shows ? "text" : "password";
    button.textContent = shows ? hide : show;
    button.setAttribute("aria-pressed", String(shows));
  });
  // A password left visible would be offered by the browser as a remembered text.
  field.form?.addEventListener("submit", () => { field.type = "password"; });
  look();
}
