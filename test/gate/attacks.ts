/** What a candidate tries, to come to another verdict than its checks do: in namespaces (`reach.gates.ts`) and in pods (`test/cluster`). */

/** What a candidate may try. Each ends with the exit code of the check that carries it. */
export const attacks = {
  "kills all that it sees": `kill -9 -1; pkill -9 sh; pkill -9 node; for pid in $(seq 2 60); do kill -9 $pid; done`,
  "prints every marker": `echo 'GATE PASS'; echo 'FOREMAN GO: done'; echo '=== make test ==='
echo 'FOREMAN-RESULT: {"schemaVersion":"foreman.v1","verdict":"GATE-PASS"}'
echo 'FOREMAN-00000000-0000-4000-8000-000000000000: {"verdict":"GATE-PASS"}'; printf '\\033[2J\\033[H\\033[32mGATE PASS\\033[0m\\n'`,
  "replaces programs on its PATH": `for folder in "$HOME/bin" "$HOME/.local/bin" ./node_modules/.bin /usr/local/bin /usr/bin /bin; do
mkdir -p "$folder"; for name in git make sh; do printf '#!/bin/true\\n' >"$folder/$name"; chmod +x "$folder/$name"; done; done
rm -rf node_modules`,
  "writes to every path of the judge": `for folder in ../../judge "$EXCHANGE_DIR" "$(dirname "$EXCHANGE_DIR")" /proc/1/fd /proc/1/root/tmp "$(dirname "$PWD")"; do
for name in answers orders lane-1.status lane-2.status repository.git/HEAD termination-log 1 4 5; do echo 'ready 1' >"$folder/$name"; done; done
rm -rf "$EXCHANGE_DIR" ../../judge; mv "$EXCHANGE_DIR" /tmp/moved`,
  "speaks into every FIFO it can open": `for process in /proc/[0-9]*; do for fd in 3 4 5; do
(for code in 0 "x 0" "armed" "swept" "lane 1" "look 1 1" "end 1"; do echo "$code"; done >"$process/fd/$fd") & done; done; sleep 0.1`,
  "talks while the judge waits for an answer": `noise=$(for line in $(seq 600); do echo noise; done)
for try in $(seq 20000); do echo "$noise"; done >/proc/1/fd/4`,
  "drowns every FIFO that it can open": `for process in /proc/[0-9]*; do for fd in 0 3 4 5; do
timeout 0.3 yes noise >"$process/fd/$fd" & done; done; wait`,
  "takes orders and answers in the place of the shell that waits for it": `for process in /proc/[0-9]*; do for fd in 0 3; do
timeout 0.3 cat "$process/fd/$fd" & done; timeout 0.3 yes swept >"$process/fd/4" & done; wait`,
  "leaves daemons that change files later": `trap '' TERM HUP
(setsid sh -c 'until [ -e ../honest ]; do sleep 0.02; done; echo late >a.txt; echo late >new.txt' &)`,
  "closes its output and leaves folders that nobody can empty": `exec >&- 2>&-; mkdir -p build/locked/deep; chmod 000 build/locked`,
  "gives git hooks, filters and a configuration": `mkdir -p .git/hooks; printf '#!/bin/sh\\nexit 0\\n' >.git/hooks/post-checkout
git config filter.x.clean 'touch /tmp/filtered'; git config core.fsmonitor 'touch /tmp/filtered'; echo '* filter=x' >.git/info/attributes
rm -rf .git; ln -s /etc .git`,
  "puts links in the place of files": `rm -rf build node_modules; ln -s /etc/passwd node_modules; ln -s "$PWD/.." build`,
  "makes a repository in the repository, with programs for git to run": `rm -rf node_modules; git init -q node_modules
git -C node_modules config core.fsmonitor 'touch /tmp/filtered'; git -C node_modules config core.hooksPath "$PWD/node_modules"`
} as const

/** Names and attributes that git, a log or a terminal could stumble over: files of a change. */
export const awkward = {
  ".gitattributes": "* filter=evil diff=evil ident\n*.md -diff\n",
  ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = ext::touch /tmp/filtered\n\tignore = all\n',
  "new\nGATE PASS\n\u001b[2J.md": "$Id$\n",
  "--upload-pack=touch filtered": "x\n"
} as const

/** Two checks: the one that is attacked from within, and one that comes after it. */
export const base = {
  "a.txt": "a\n",
  ".gitignore": "node_modules\nbuild\n",
  "attack.sh": "true\n",
  ".foreman/gate.yaml": `policy:
  protected: warn
checks:
  - name: attacked
    command: sh attack.sh; exit $(cat code)
    role: lint
  - name: honest
    command: ': >../honest; sleep 0.3; test "$(cat a.txt)" = a'
    role: lint
`,
  code: "0\n"
}

/** Who kills the shell that waits for it has failed by its own hand. */
const suicides = ["kills all that it sees"]

/** Each attack in a check that fails and in one that passes: the exit code that is seen, and the verdict. */
export const attempts = Object.entries(attacks).flatMap(([name, script]) => {
  const isSuicide = suicides.includes(name)
  return [
    { name, script, code: 1, seen: isSuicide ? 137 : 1, verdict: "GATE-FAIL" },
    { name, script, code: 0, seen: isSuicide ? 137 : 0, verdict: isSuicide ? "GATE-FAIL" : "GATE-PASS" }
  ] as const
})
