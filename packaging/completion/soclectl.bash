# bash completion for soclectl. All knowledge is in soclectl itself: it is given the words before the cursor and says
# what could come next (commands, options, and from the node kinds, fields and names of objects).

_soclectl()
{
        local line=${COMP_LINE:0:COMP_POINT} current candidate
        local -a words candidates

        COMPREPLY=()
        # By blanks and nothing else: "=" and ":" are parts of our words, whatever COMP_WORDBREAKS says.
        read -ra words <<<"$line"
        [[ $line == *[[:space:]] ]] && words+=("")
        ((${#words[@]} > 1)) || return 0
        current=${words[-1]}

        mapfile -t candidates < <("${words[0]}" __complete "${words[@]:1}" 2>/dev/null)
        # "--output=js": bash replaces what is behind the "=" if that breaks words, the whole word else.
        if [[ $current == --*=* ]]; then
                [[ $COMP_WORDBREAKS == *=* ]] || candidates=("${candidates[@]/#/${current%%=*}=}")
                current=${current#*=}
        fi
        for candidate in "${candidates[@]}"; do
                if [[ $candidate == *@file ]]; then
                        compopt -o filenames 2>/dev/null
                        mapfile -t COMPREPLY < <(compgen -f -- "$current")
                        return 0
                fi
                COMPREPLY+=("$candidate")
        done
}

complete -F _soclectl soclectl
