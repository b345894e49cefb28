/** What git says of a push that failed: whether the remote said no, or said nothing. */
import { GitError, PushFailed, PushLost } from "../../src/services/GitWorkspace.ts"

/** Words of git, of its transports and of code hosts for a remote that answered. */
const refusals =
  /\[(?:remote )?rejected\]|stale info|non-fast-forward|pre-receive|hook declined|protected branch|denied|not permitted|permission|forbidden|unauthorized|authentication failed|could not read (?:username|password)|invalid (?:username|credentials)|repository .*not found|does not appear to be a git repository|unpacker error|cannot lock ref|returned error: 4\d\d|\bHTTP 4\d\d\b/iu
/** Words for one that did not. */
const losses =
  /could not resolve|couldn't resolve|connection (?:refused|reset|timed out|closed)|failed to connect|couldn't connect|timed? ?out|took too long|hung up|unexpected(?:ly)? (?:disconnect|eof)|early eof|rpc failed|broken pipe|network is (?:unreachable|down)|no route to host|returned error: 5\d\d|\bHTTP 5\d\d\b|unable to access|could not read from remote/iu

/** Words that are not known are a refusal: nobody pushes again what was refused. */
export const pushError = (message: string): GitError =>
  new GitError({
    reason:
      !refusals.test(message) && losses.test(message)
        ? new PushLost({ message })
        : new PushFailed({ message })
  })
