// Puts the invitation that came behind the `#` of a link into its form, and out of the address.
// It is there, and not in the path, so that no log of a server or a proxy has it.

const field = document.querySelector("input[name=invitation]");
const token = decodeURIComponent(location.hash.slice(1));
if (field && token.startsWith("mayfly_invite_")) {
  field.value = token;
  history.replaceState(null, "", location.pathname);
}
