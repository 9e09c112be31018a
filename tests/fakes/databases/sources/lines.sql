-- One row is a line of a receipt. Neither 10:30 nor 5 % in a comment is a parameter.
SELECT * FROM sale_lines WHERE note <> 'void at 10:30, 5 %';
