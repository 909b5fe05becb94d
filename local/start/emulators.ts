// `npm run emulators`: the world around the app, without the app.
import { rm } from 'node:fs/promises';
import { startEnvironment } from './environment.ts';
import { runCommand } from './run-command.ts';
import { emulatorsUsage, parseEmulatorsOptions } from './start-options.ts';
import { onStopRequested } from './stop-signal.ts';
import { writeJsonFile } from './write-json-file.ts';

async function main(): Promise<number> {
  const options = parseEmulatorsOptions(process.argv.slice(2));
  if (options.help) {
    console.log(emulatorsUsage);
    return 0;
  }
  // Left from an earlier run, it would be taken for this one's.
  if (options.settingsFile !== undefined) await rm(options.settingsFile, { force: true });
  const stopped = new Promise<undefined>((resolve) => onStopRequested(() => resolve(undefined)));
  const environment = await startEnvironment({ ports: options.ports });
  try {
    const { settings, storage, serviceBus, graph } = environment;
    const { blob, queue, table } = storage.ports;
    console.log('The world around the app, on this machine only:');
    console.log(`  Graph, identity  ${graph.url}  (control: ${graph.url}/control)`);
    console.log(`  Service Bus      127.0.0.1:${serviceBus.port}  (AMQP)`);
    console.log(`  storage          127.0.0.1:${blob} blob, ${queue} queue, ${table} table`);
    console.log(`  control          ${settings.controlUrl}  (counters, reset, faults)`);
    console.log(`  mailboxes        ${settings.mailboxes.map(({ address }) => address).join(', ')}`);
    console.log(`  the app          expected at ${settings.functionsUrl}`);
    if (options.settingsFile !== undefined) {
      await writeJsonFile(options.settingsFile, settings);
      console.log(`  settings         ${options.settingsFile}  (npm run host -- --settings FILE)`);
    } else if (options.ports === 'fixed') {
      console.log('Run the app: cp local.settings.sample.json local.settings.json && npm run host');
    }
    console.log('Ctrl-C stops.');
    const died = await Promise.race([stopped, environment.died]);
    if (died === undefined) return 0;
    console.error(died);
    return 1;
  } finally {
    await environment.close();
  }
}

runCommand(main);
