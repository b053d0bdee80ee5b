#!/bin/sh
# Set up the pod network of this node, as kindnetd does in the published image. It
# supports kind's default pod subnet.
set -eu
pods=10.244.0.0/16
config=/etc/cni/net.d/10-kindnet.conflist

subnet=10.244.0.0/24 # of the first node, which runs `kubeadm init`
if [ -f $config ]; then # the node was restarted
  subnet=$(jq -r '.plugins[0].ipam.ranges[0][0].subnet' $config)
elif [ -f /etc/kubernetes/bootstrap-kubelet.conf ]; then # `kubeadm join`
  subnet=
  until [ -n "$subnet" ]; do
    sleep 0.2
    [ -f /etc/kubernetes/kubelet.conf ] || continue
    subnet=$(kubectl --kubeconfig /etc/kubernetes/kubelet.conf get --raw "/api/v1/nodes/$(hostname)" 2>/dev/null | jq -r '.spec.podCIDR // empty')
  done
fi
number=${subnet#10.244.}
number=${number%%.*}

# Nodes of other clusters share the link and use the same pod subnets. So each node gets
# a gateway address that no other cluster has: in the reserved block 240.0.0.0/4, from a
# hash of the cluster's certificate and the number of the node's subnet. The engine may
# change the other addresses of a node when it restarts it.
hash=$(sha256sum /etc/kubernetes/pki/ca.crt)
byte() { echo "$hash" | cut -c "$1"; }
gateway=$(printf '%d.%d.%d' "0xf$(byte 1)" "0x$(byte 2-3)" "0x$(byte 4-5)")
ip address replace "$gateway.$number/32" dev eth0 scope link
{
  echo "route replace unreachable $subnet" # CNI adds a route for each pod
  for n in $(seq 0 255); do
    [ "$n" = "$number" ] || echo "route replace 10.244.$n.0/24 via $gateway.$n dev eth0 onlink"
  done
} | ip -batch -
rule="POSTROUTING --source $pods ! --destination $pods --jump MASQUERADE"
# shellcheck disable=SC2086 # one argument for each word
iptables --wait --table nat --check $rule 2>/dev/null || iptables --wait --table nat --append $rule

[ -f $config ] || {
  sed "s#POD_SUBNET#$subnet#" /kind/pod-network.conflist >$config.new
  mv $config.new $config
}
