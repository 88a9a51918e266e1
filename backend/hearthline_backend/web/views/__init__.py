"""What each view shows: plain data built from the ports, in the words and numbers of the person looking."""
