/**
 * A room beside the work folder in which nothing of the candidate has ever run. What a check leaves behind (installed dependencies, a home
 * with settings, a build cache) decides what the next one does: a base that fails there may fail by the candidate's hand.
 */

/** Folders of a room, each made empty. */
export const roomFolders = ["home", "tmp", "cache"] as const

/** Where in a room the files of a commit lie. */
export const roomWorkFolder = "repository"

/** Where programs keep what they find again: all of it in the room. */
const places = {
  HOME: "home",
  TMPDIR: "tmp",
  GOPATH: "home/go",
  CARGO_HOME: "home/cargo",
  GOCACHE: "cache/gobuild",
  GOMODCACHE: "cache/gomod",
  XDG_DATA_HOME: "cache/xdg",
  XDG_CACHE_HOME: "cache/xdg-cache",
  npm_config_cache: "cache/npm",
  PIP_CACHE_DIR: "cache/pip",
  GRADLE_USER_HOME: "cache/gradle"
} as const

const exports = [
  ...Object.entries(places).map(([name, folder]) => `${name}="$room/${folder}"`),
  'MAVEN_OPTS="-Dmaven.repo.local=$room/cache/m2"'
]

/** A command for the room of that name, to be started in the work folder beside it. */
export const inRoom = (name: string, command: string): string =>
  `cd "../${name}/${roomWorkFolder}" || exit 126
room=\${PWD%/${roomWorkFolder}}
export ${exports.join(" ")}
unset room
${command}`
