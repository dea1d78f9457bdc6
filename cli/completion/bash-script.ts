/**
 * Completion for bash. tab's own script needs the bash-completion package, cannot be sourced twice and hands the line
 * being typed to `eval`; this one does none of that. Where we have nothing to offer, bash completes file names.
 * @param command how the shell calls us, words quoted for it
 */
export function bashScript(command: string): string {
  return `# bash completion for switchyard
_switchyard_complete() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" line
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] && continue
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(${command} complete -- "\${words[@]}" 2>/dev/null)
}
complete -o default -F _switchyard_complete switchyard
`;
}
