sum=0
steps=0
while [ "$steps" -lt 100 ]; do
    steps=$((steps + 1))
    sum=$((sum + steps))
done
echo "METRIC steps=$steps"
echo "$sum"
