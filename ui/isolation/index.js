// Stands between the page and the app, in a frame of its own: what a broken
// page might send must pass here before it is sealed and handed over.

// The app's two commands, and the fetching of a channel's larger messages.
const COMMANDS = new Set(['call', 'watch', 'plugin:__TAURI_CHANNEL__|fetch']);
// As long as a request may be on the control socket.
const BYTES_MAX = 1 << 20;
// Nothing that we send is deeper than a job's inputs.
const DEPTH_MAX = 16;

function isPlain(value, depth) {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth === DEPTH_MAX) return false;
  return Object.keys(value).every(
    (key) => key !== '__proto__' && key !== 'constructor' && isPlain(value[key], depth + 1)
  );
}

window.__TAURI_ISOLATION_HOOK__ = (message) => {
  if (!COMMANDS.has(message.cmd)) throw new Error(`there is no command ${String(message.cmd)}`);
  const text = JSON.stringify(message.payload ?? {});
  if (text.length > BYTES_MAX) throw new Error('the request is too long');
  if (!isPlain(JSON.parse(text), 0)) throw new Error('the request is not plain data');
  return message;
};
