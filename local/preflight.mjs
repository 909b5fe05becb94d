// Plain JavaScript that any Node can parse: it runs before anything that an old Node would trip over.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const fits = major > 22 || (major === 22 && minor >= 12);
if (!fits) {
  console.error(
    `Node ${process.versions.node} is too old: Node 22.12 or newer is needed. On Linux and Windows \`npm ci\` brings its own ` +
      'copy (unless it ran with --omit=optional); elsewhere install Node 24 from your package manager and run the command again.',
  );
  process.exit(1);
}
