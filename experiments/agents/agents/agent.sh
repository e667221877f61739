# The same backend in another language; there is no library to install for either.
title='Add the numbers up by the formula'
case $(cat) in
*'"role":"strategist"'*)
    echo '{"hypotheses":[{"title":"'"$title"'","why":"the loop takes a step for each","claim":{"kind":"moves","metric":"steps"}}]}' ;;
*'"role":"builder"'*)
    printf '%s\n' 'sum=$((100 * 101 / 2))' 'echo "METRIC steps=1"' 'echo "$sum"' >sum.sh
    echo '{"message":"'"$title"'"}' ;;
*) echo '{"declines":true}' ;;
esac
