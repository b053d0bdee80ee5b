#compdef tkdeploy
# zsh completion for tkdeploy: tkdeploy completion zsh > DIR/_tkdeploy, with DIR in $fpath
_tkdeploy() {
  local -a words_so_far candidates
  words_so_far=("${(@)words[1,CURRENT-1]}")
  [[ $words[CURRENT] == -* ]] && words_so_far+=("$words[CURRENT]")
  candidates=("${(@f)$(_CLI_ZSH_AUTOCOMPLETE_HACK=1 "${words_so_far[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n $candidates[1] ]]; then
    _describe 'tkdeploy' candidates
  else
    _files
  fi
}
compdef _tkdeploy tkdeploy
