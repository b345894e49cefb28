/**
 * A command line that runs another one on the base commit: in a copy of all that is in the workspace, so that what is installed is there,
 * too. The copy goes when the shell does. Where none can be made it ends with `otherwise`.
 */
export const commandOnBase = (command: string, baseCommit: string, otherwise: number): string =>
  `base=$(mktemp -d) && trap 'rm -rf "$base"' EXIT && cp -R . "$base" && cd "$base" && git reset -q --hard ${baseCommit} && git clean -fdq || exit ${otherwise}\n${command}`
