#!/bin/sh
# One pod of a Kubernetes Job, see pretrain.yaml: every pod lets the others in by ssh, and pod 0 waits for all and starts the ranks.
set -eu
port=2222

# The secret is for this user's eyes alone, as sshd wants it; a host key needs no fame inside one job.
mkdir -p "$HOME/.ssh" /run/sshd
chmod 700 "$HOME/.ssh"
cp /etc/m6/ssh/id "$HOME/.ssh/id_ed25519"
cp /etc/m6/ssh/id.pub "$HOME/.ssh/authorized_keys"
chmod 600 "$HOME/.ssh/id_ed25519" "$HOME/.ssh/authorized_keys"
ssh-keygen -A >/dev/null
options="-p $port -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=5"
if [ "$JOB_COMPLETION_INDEX" -ne 0 ]; then
	exec /usr/sbin/sshd -D -e -p "$port"
fi
/usr/sbin/sshd -p "$port"

hosts="" pod=0
while [ "$pod" -lt "$M6_PODS" ]; do
	host="$M6_JOB-$pod.$M6_JOB"
	until ssh $options "$host" true; do
		sleep 2
	done
	hosts="$hosts${hosts:+,}$host:$M6_RANKS_PER_POD"
	pod=$((pod + 1))
done

# Told to end, mpirun tells the ranks, which save: they get the pod's whole time of grace.
exec mpirun --allow-run-as-root --host "$hosts" -np $((M6_PODS * M6_RANKS_PER_POD)) --bind-to none \
	--mca plm_rsh_args "$options" --mca odls_base_sigkill_timeout "$M6_GRACE" m6 "$@"
