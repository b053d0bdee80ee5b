package probe

import "context"

// checkTCP only connects, like a tcpSocket probe of the kubelet.
func (n *network) checkTCP(ctx context.Context, c Check) (Answer, string, *problem) {
	conn, err := n.dial(ctx, c)
	if err != nil {
		return Answer{}, "", newProblem("connect to "+c.URL(), err, c.timeout())
	}
	defer conn.Close()
	return Answer{}, c.URL() + " accepts connections", nil
}
