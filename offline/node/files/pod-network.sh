#!/bin/sh
# Set up the pod network of this node, as kindnetd does in the published image. It
# supports kind's default pod subnet.
set -eu
pods=10.244.0.0/16
config=/etc/cni/net.d/10-kindnet.conflist

# All nodes share a link. A node looks for the pods of others on it, and answers
# for its own. Routes by address would change when the engine restarts a node.
echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp
ip route replace $pods dev eth0
rule="POSTROUTING --source $pods ! --destination $pods --jump MASQUERADE"
# shellcheck disable=SC2086 # one argument for each word
iptables --wait --table nat --check $rule 2>/dev/null || iptables --wait --table nat --append $rule

[ ! -f $config ] || exit 0
subnet=10.244.0.0/24 # of the first node, which runs `kubeadm init`
if [ -f /etc/kubernetes/bootstrap-kubelet.conf ]; then # `kubeadm join`
  subnet=
  until [ -n "$subnet" ]; do
    sleep 0.2
    [ -f /etc/kubernetes/kubelet.conf ] || continue
    subnet=$(kubectl --kubeconfig /etc/kubernetes/kubelet.conf get --raw "/api/v1/nodes/$(hostname)" 2>/dev/null | jq -r '.spec.podCIDR // empty')
  done
fi
sed "s#POD_SUBNET#$subnet#" /kind/pod-network.conflist >$config.new
mv $config.new $config
