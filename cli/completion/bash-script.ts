/**
 * Completion for bash. tab's own script needs the bash-completion package, cannot be sourced twice and hands the line
 * being typed to `eval`; this one does none of that. Where we have nothing to offer, bash completes file names; after
 * an @ it would not, so that is done here (`-i image=@photo.png`; readline counts the @ as part of the word).
 * @param command how the shell calls us, words quoted for it
 */
export function bashScript(command: string): string {
  return `# bash completion for switchyard
_switchyard_complete() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" line
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  if [[ $cur == @* || \${COMP_WORDS[COMP_CWORD-1]} == *@ ]]; then
    compopt -o nospace 2>/dev/null
    while IFS= read -r line; do
      [[ -d $line ]] && line+=/
      COMPREPLY+=("@$line")
    done < <(compgen -f -- "\${cur#@}")
    return
  fi
  while IFS= read -r line; do
    [[ $line == :* ]] && continue
    COMPREPLY+=("\${line%%$'\\t'*}")
  done < <(${command} complete -- "\${words[@]}" 2>/dev/null)
}
complete -o default -F _switchyard_complete switchyard
`;
}
