char buffer[4];
