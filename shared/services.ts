import { compose, connect, keepKeysFresh } from './compose.ts';
import { loadConfig } from './config.ts';

/*
 * The one reader of process.env, and the only module whose import has an effect. Wrong settings do not stop it: a throw
 * while loading would take the handshake and the health route down with the rest.
 */
const loaded = loadConfig(process.env);

function start() {
  if (!loaded.ok) return undefined;
  const ports = connect(loaded.config);
  keepKeysFresh(ports.keys);
  return { config: loaded.config, ...compose(loaded.config, ports, new Date()) };
}

/** The app, or `undefined` where settings are wrong. */
export const services = start();

/** Everything that is wrong with the settings; empty when all is well. */
export const problems = loaded.ok ? [] : loaded.problems;
